"""Analyses: functions from a program to a value that a transformation reads; they never change the program."""

from adcompile.deferred import defer

# What few programs need; see `adcompile.deferred`.
defer(__name__, "lasting")
