"""Stands in for torchrun with one process."""

import argparse
import os
import runpy
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--standalone", action="store_true", required=True)
parser.add_argument("--nproc_per_node", type=int, required=True)
parser.add_argument("script")
parser.add_argument("arguments", nargs=argparse.REMAINDER)
args = parser.parse_args()
os.environ["LOCAL_RANK"] = "0"
sys.argv = [args.script, *args.arguments]
runpy.run_path(args.script, run_name="__main__")
