/* Random bytes as a line of a trainer: taken or refused with a sentence, never more than the bounds allow. */
#include <stdint.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/file.h"
#include "worker/trainer_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trainer_line line;
    struct err err = ERR_NONE;
    if (trainer_line_parse((const char *)data, size, &line, &err)) {
        POST(err.code == ERR_PROTO && err.text[0]);
        return 0;
    }
    POST(line.tree && line.says <= TRAINER_RESULT);
    if (line.says == TRAINER_REPORT && line.checkpoint)
        POST(line.checkpoint[0] != '/' && !path_climbs(line.checkpoint)); /* stays in its folder */
    trainer_line_fini(&line);
    return 0;
}
