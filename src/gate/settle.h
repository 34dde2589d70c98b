/*
 * settle.h - what became of a call: the answer judged, the reply written, the outcome recorded.
 */
#pragma once

#include "gate/call.h"

/* Judges how the exchange ended and writes the client's reply. */
void settle_on_end(struct call *call, const struct exchange_end *end);
