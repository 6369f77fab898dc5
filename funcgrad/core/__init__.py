"""The typed program (`ir`), tracing (`trace`), the protocol of a primitive."""
