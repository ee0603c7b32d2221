"""The programs that Hasten is measured against, each in an environment of its own, and Hasten in the same harness."""
