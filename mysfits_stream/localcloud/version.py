"""The version of the local cloud, which persisted state and a running process are compared with."""

VERSION = "0.2.0"
