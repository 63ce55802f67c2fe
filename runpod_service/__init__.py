"""The place of trials on RunPod serverless GPUs; there are none yet, every trial trains on this machine.

The contract is `hpo_core.records.Trainer`: a remote trial yields the records of the same trainer that local runs use.
"""
