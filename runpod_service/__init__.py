"""Trials on RunPod serverless GPUs: handler, client and local twin belong here.

The contract is `hpo_core.records.Trainer`: a remote trial yields the records of the same trainer that local runs use.
"""
