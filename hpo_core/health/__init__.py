"""Model health: what is read from a training, what it says about the network, and what is wrong with it.

Plain arithmetic over records, without TensorFlow: the same functions serve the objective, the pages and the pictures.
"""
