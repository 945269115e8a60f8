#!/bin/bash
# Every rule of tools/lint sees what it refuses.
exec "$(dirname "$0")/../../tools/lint" --self-test
