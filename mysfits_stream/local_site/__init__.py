"""The local cloud with the routes of this project: the page, its feed and the stand-in Mysfits service."""
