#include "admin/api.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "gate/gate.h"

static int fail(const char *event, const struct err *err)
{
    log_event(LOG_ERROR, event, LOG_ERR(err));
    return EXIT_REFUSED;
}

static int serve(const struct settings *settings, struct launcher *launcher)
{
    const struct gate_config config = {
        .settings = settings, .api = admin_api(), .launcher = launcher};
    CLEANUP(gate_freep) struct gate *gate = NULL;
    struct err err;

    if (gate_new(&config, &gate, &err) != ERR_OK)
        return fail("start_failed", &err);
    if (gate_run(gate, &err) != ERR_OK)
        return fail("serving_failed", &err);
    return EXIT_DONE;
}

int command_serve(const struct options *options)
{
    CLEANUP(settings_freep) struct settings *settings = NULL;
    struct launcher *launcher = NULL;
    struct err err;

    if (settings_read(say_settings_path(options), &settings, &err) != ERR_OK)
        return fail("settings_refused", &err);
    /* Before any thread and any secret is there: the launcher is a fork of this process. */
    if (launcher_start(&launcher, &err) != ERR_OK)
        return fail("launcher_failed", &err);
    int exit_code = serve(settings, launcher);
    launcher_stop(launcher);
    return exit_code;
}
