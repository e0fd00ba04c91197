"""The version of the local cloud, to compare persisted state and running processes with."""

VERSION = "0.2.0"
