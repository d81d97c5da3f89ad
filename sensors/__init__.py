"""When things run: jobs, schedules, sensors, and the function that runs them in this process.

What a lane reads and how often is data (`cadences`); everything else here is mechanism.
"""
