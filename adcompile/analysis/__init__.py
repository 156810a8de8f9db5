"""Analyses: functions from a program to a value that a transformation reads; they never change the program."""
