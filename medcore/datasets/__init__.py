"""Folder layouts of public data sets, read as samples."""
