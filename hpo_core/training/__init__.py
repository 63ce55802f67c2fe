"""What runs inside a training process. The only package that may import TensorFlow and Keras."""
