"""Clicks on their way and at their end: sending one and following it, reading, and putting failed ones back.

prefixes    which keys the objects of an hour begin with
objects     the clicks bucket's objects: listed by the hour, read several at a time, unpacked
delivered   enriched clicks in the order of their time, and what they add up to
moments     points in time, as a person gives them
failed      clicks that the processor could not enrich
replaying   failed clicks back onto the delivery stream
sending     a test click, through the public endpoint and all the way to S3
"""
