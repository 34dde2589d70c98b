#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"

int command_version(const struct options *options)
{
    return say_line(options_has(options, "json") ? STR("{\"version\":\"" PORTREEVE_VERSION "\"}")
                                                 : STR("portreeve " PORTREEVE_VERSION));
}
