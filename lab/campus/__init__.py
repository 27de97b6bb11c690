"""The portal as the small site runs it."""
