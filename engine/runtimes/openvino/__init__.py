"""OpenVINO: the checkpoint's own integers in one stateful graph that Intel's tools open as it stands."""
