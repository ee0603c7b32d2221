"""Energy that a written token takes."""
