"""Networks as files of other programs. A network calls this package: ``net.to_onnx(path)``."""
