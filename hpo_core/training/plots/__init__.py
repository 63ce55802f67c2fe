"""Pictures of one training, drawn from its `TrialHistory`; `drawing` lists them and writes them to files.

A picture is a pure function of the history. None touches matplotlib's global state, so that pictures can be drawn
beside whatever else a process does.
"""
