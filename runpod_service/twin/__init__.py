"""A twin of RunPod's serverless queue on loopback: the genuine worker SDK runs against the genuine client, no account.

`python -m runpod_service.twin --workers 2` starts it for people, `runpod_service.twin.launch.Twin` for programs.
"""
