"""Forms made from option sets: what an option set declares is what its form shows."""
