"""The stand-in portal and its data; laid over the app machines as it is."""
