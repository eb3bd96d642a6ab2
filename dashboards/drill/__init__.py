"""The drill room: one exercise run live for a controller, players and onlookers in their browsers.

The exercise itself is `scenarios.drill`; here are its clock on the server, its participants and their roles, and
what each of them is sent.
"""
