"""Writes config.json of a folder again, as the installed transformers saves it. Arguments: the folder."""

import sys

from transformers import AutoConfig

AutoConfig.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[1])
