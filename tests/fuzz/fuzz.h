/*
 * fuzz.h - what every fuzz target includes. A target is one function; libFuzzer (fuzz builds) or
 * replay.c (every other build) calls it. data is exactly size bytes long and stays the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input: ends the process with its text when it does not. */
#define require(property)                                                                          \
    do {                                                                                           \
        if (!(property)) {                                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #property);                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
