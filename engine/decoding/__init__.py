"""Writing several tokens a step: what guesses them, how many to guess, and the session that checks the guesses.

Speculative decoding (Leviathan et al. 2023, arXiv:2211.17192; Chen et al. 2023, arXiv:2302.01318) over any two
sessions that can append several tokens and take them back. A guess counts only where the model itself picks the same
token, so the answer is the model's own, token for token, sampled ones with the same seed included.
"""
