/*
 * unit.c - what is set before a unit test begins.
 */
#include <signal.h>

/* As in the program: writing to a peer that has gone is an error and does not end the process
 * (OpenSSL writes without MSG_NOSIGNAL). */
__attribute__((constructor)) static void ignore_sigpipe(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
}
