#!/bin/sh
# The shortest trainer: parameters come as HONE_PARAM_<name>, one line of JSON per epoch goes to HONE_OUT_FD.
# Rosenbrock's valley: lowest, 0, at x = 1, y = 1. What is printed otherwise becomes the trial's log.
set -eu
# shellcheck disable=SC2154 # Hone sets HONE_PARAM_x and HONE_PARAM_y
echo "trial $HONE_TRIAL of $HONE_STUDY: x=$HONE_PARAM_x y=$HONE_PARAM_y"
height=$(awk -v x="$HONE_PARAM_x" -v y="$HONE_PARAM_y" 'BEGIN { print (1 - x) ^ 2 + 100 * (y - x * x) ^ 2 }')
printf '{"epoch":1,"height":%s}\n' "$height" >"/dev/fd/$HONE_OUT_FD"
