"""What builds, checks and tests the project.

``bootstrap``, ``system`` and ``services`` run before anything is installed: standard library only.
"""
