"""Clients that ask one kind of thing each and return typed readings; they never judge or record."""
