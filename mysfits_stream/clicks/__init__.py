"""Clicks on their way and at their end: send and follow, read, and replay failed clicks.

prefixes    key prefixes of the objects of an hour
objects     the clicks bucket's objects: listed by the hour, read several at a time, unpacked
delivered   enriched clicks in the order of their time, and a summary
timespec    points in time as typed by people
failed      clicks that the processor could not enrich
replaying   failed clicks back onto the delivery stream
composing   test clicks with plausible values
sending     test clicks, through the public endpoint to S3
"""
