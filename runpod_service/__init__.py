"""Trials on RunPod serverless GPUs: the client side, the worker that runs there, and a twin of the service on loopback.

The contract is `hpo_core.records.Trainer`: a remote trial yields the records of the same trainer that local runs use.
"""
