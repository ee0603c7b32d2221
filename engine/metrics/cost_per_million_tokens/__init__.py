"""What a million written tokens cost."""
