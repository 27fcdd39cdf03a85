"""Whether the driver and the GPUs of a host can run the images of workloads."""
