"""HTTP messages, the listener and the host guard."""
