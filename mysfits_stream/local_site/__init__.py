"""The local cloud with the routes of the project: the page, its feed and the stand-in Mysfits service."""
