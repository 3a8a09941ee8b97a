"""CMP Relay's own code; import its modules by name: this file imports nothing on purpose."""
