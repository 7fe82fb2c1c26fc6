"""The programs in packages/ import autograd, and run in processes of their own."""

collect_ignore = ["packages"]
