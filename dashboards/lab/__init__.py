"""The analysis pages under ``/lab``: library, run, compare; Dash pages whose whole state stands in their address."""
