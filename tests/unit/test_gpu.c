/* GPUs of slots: a pure function of environment, files of the drivers and options, tried on machines made of folders; and
 * what Slurm says of a task. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/tools/scratch.h"
#include "worker/gpu.h"

/* ---- machines ---- */

static void put(const struct scratch *scratch, const char *path, const char *text)
{
    char *whole = path_join(scratch->folder, path), *folder = path_dir(whole);
    assert_int_equal(dir_make(folder, NULL), 0);
    scratch_text(scratch, path, text);
    free(folder);
    free(whole);
}

static void nvidia(const struct scratch *scratch, int gpus, int devices)
{
    put(scratch, "dev/null", "");
    put(scratch, "dev/nvidiactl", "");
    put(scratch, "dev/nvidia-uvm", "");
    for (int i = 0; i < gpus; i++) {
        char path[80], text[80];
        snprintf(path, sizeof path, "proc/driver/nvidia/gpus/0000:%02x:00.0/information", 0x3a + i);
        snprintf(text, sizeof text, "Model: \t\t NVIDIA H200\nGPU UUID: \t GPU-%d000aaaa-0000\n", i + 1);
        put(scratch, path, text);
    }
    for (int i = 0; i < devices; i++) {
        char path[80];
        snprintf(path, sizeof path, "dev/nvidia%d", i);
        put(scratch, path, "");
    }
}

static void amd(const struct scratch *scratch, int gpus)
{
    put(scratch, "sys/class/kfd/kfd/topology/nodes/0/gpu_id", "0\n");
    for (int i = 1; i <= gpus; i++) {
        char path[80];
        snprintf(path, sizeof path, "sys/class/kfd/kfd/topology/nodes/%d/gpu_id", i);
        put(scratch, path, "41312\n");
    }
}

/* ---- asking ---- */

struct asked {
    const char *env[12];
    const char *gpus; /* NULL: not said */
    int slots, per_gpu;
    const char *want; /* of the slots, parted by blanks; "-": nothing is handed out; !TEXT: refused with it */
};

static void write_plan(const struct gpu_plan *plan, struct str *out)
{
    str_add(out, plan->gpus ? "" : "-");
    for (int i = 0; plan->gpus && i < plan->slots; i++)
        str_addf(out, "%s%s", i ? " " : "", plan->gpus[i]);
}

static char *const *env_of(const struct asked *asked)
{
    return (char *const *)(uintptr_t)asked->env;
}

static void ask(const struct asked *asked, const char *root, struct gpu_plan *plan, struct err *err)
{
    struct gpu_options options = {asked->gpus, asked->slots, asked->per_gpu};
    *err = ERR_NONE;
    gpu_plan_make(&options, env_of(asked), root, plan, err);
}

static void expect_plan(const struct asked *asked, const char *root)
{
    struct gpu_plan plan;
    struct err err;
    struct str got = {0};
    ask(asked, root, &plan, &err);
    write_plan(&plan, &got);
    if (*asked->want == '!') {
        if (!err.code || !strstr(err.text, asked->want + 1))
            fail_msg("--gpus %s: \"%s\" for \"%s\"", asked->gpus, err.text, asked->want);
    } else if (err.code || strcmp(str_text(&got), asked->want) != 0) {
        fail_msg("--gpus %s: %s%s, not %s", asked->gpus ? asked->gpus : "?", str_text(&got), err.text,
                 asked->want);
    }
    str_fini(&got);
    gpu_plan_fini(&plan);
}

#define EXPECT(cases, root)                                      \
    for (size_t i = 0; i < sizeof(cases) / sizeof *(cases); i++) \
    expect_plan(&(cases)[i], root)

/* ---- tests ---- */

static void a_list_in_the_environment_is_dealt_out(void **state)
{
    (void)state;
    static const struct asked cases[] = {
        {{"CUDA_VISIBLE_DEVICES=2,5,7,9"}, "auto", 0, 0, "2 5 7 9"},
        {{"CUDA_VISIBLE_DEVICES=2,5,7,9"}, "auto", 2, 0, "2,5 7,9"},
        {{"CUDA_VISIBLE_DEVICES=2,5,7,9"}, "auto", 3, 0, "2 5 7"},
        {{"CUDA_VISIBLE_DEVICES=2,5,7,9"}, "auto", 1, 0, "2,5,7,9"},
        {{"CUDA_VISIBLE_DEVICES=2,5"}, "auto", 3, 0, "!--slots 3: more than there are GPUs (2)"},
        {{"CUDA_VISIBLE_DEVICES=2,5"}, "auto", 0, 2, "2 5 2 5"},
        {{"CUDA_VISIBLE_DEVICES=2,5"}, NULL, 3, 2, "2 5 2"},
        {{"CUDA_VISIBLE_DEVICES=2,5"}, "auto", 5, 2, "!--slots 5: more than 2 on each of 2 GPUs"},
        {{"CUDA_VISIBLE_DEVICES=2,5"}, NULL, 0, 0, "2,5"},
        {{"CUDA_VISIBLE_DEVICES=2,5"}, NULL, 2, 0, "2 5"},
        {{"CUDA_VISIBLE_DEVICES=2,5"}, NULL, 3, 0, "-"},
        {{"CUDA_VISIBLE_DEVICES=2,5"}, "none", 2, 0, "-"},
        {{"CUDA_VISIBLE_DEVICES="}, "auto", 2, 0, "-"},
        {{"CUDA_VISIBLE_DEVICES=-1"}, "auto", 0, 0, "-"},
        {{"CUDA_VISIBLE_DEVICES=NoDevFiles"}, "auto", 0, 0, "-"},
        {{"CUDA_VISIBLE_DEVICES=0,1,-1,2"}, "auto", 0, 0, "0 1"},
        {{"CUDA_VISIBLE_DEVICES= GPU-aa , MIG-bb"}, "auto", 0, 0, "GPU-aa MIG-bb"},
        {{"HIP_VISIBLE_DEVICES=1,3"}, "auto", 0, 0, "1 3"},
        {{"ROCR_VISIBLE_DEVICES=1,3"}, "auto", 0, 0, "1 3"},
        {{"CUDA_VISIBLE_DEVICES=4,5"}, "5", 0, 0, "5"},
        {{"CUDA_VISIBLE_DEVICES=4,5"}, "5,4", 0, 0, "5 4"},
        {{"CUDA_VISIBLE_DEVICES=4,5"}, "0", 0, 0, "!--gpus 0: there is no GPU 0 here; there is 4,5"},
    };
    EXPECT(cases, "/nowhere");
}

static void ids_are_looked_at(void **state)
{
    (void)state;
    struct scratch machine;
    scratch_init(&machine);
    nvidia(&machine, 4, 4);
    static const struct asked cases[] = {
        {{NULL}, "0,0", 0, 0, "!--gpus 0,0: GPU 0 is named twice"},
        {{NULL}, "0,4", 0, 0, "!there is no GPU 4 here; there is 0,1,2,3"},
        {{NULL}, "", 0, 0, "!no list of GPUs"},
        {{NULL}, "0;1", 0, 0, "!there is no GPU 0;1 here"},
        {{NULL}, "3,1", 0, 0, "3 1"},
        {{NULL}, "GPU-2000aaaa-0000,0", 0, 0, "GPU-2000aaaa-0000 0"},
        {{NULL}, "GPU-3000", 0, 0, "GPU-3000"},
        {{NULL}, "GPU-9000", 0, 0, "!there is no GPU GPU-9000"},
        {{NULL}, "MIG-77", 0, 0, "MIG-77"},
        {{NULL}, "0,1", 3, 0, "!--slots 3: more than there are GPUs (2)"},
    };
    EXPECT(cases, machine.folder);
    scratch_fini(&machine);
}

static void without_a_list_the_drivers_files_are_counted(void **state)
{
    (void)state;
    struct scratch full, devices_only, container, radeon, bare;
    static const struct asked automatic = {{NULL}, "auto", 0, 0, "0 1 2 3"};
    static const struct asked two = {{NULL}, "auto", 0, 0, "0 1"};
    static const struct asked none = {{NULL}, "auto", 3, 0, "-"}, trusted = {{NULL}, "1,2", 0, 0, "1 2"};
    scratch_init(&full);
    scratch_init(&devices_only);
    scratch_init(&container);
    scratch_init(&radeon);
    scratch_init(&bare);
    nvidia(&full, 4, 4);
    nvidia(&devices_only, 0, 2);
    nvidia(&container, 4, 2); /* the driver's list is the host's, the devices are its own */
    amd(&radeon, 2);
    put(&bare, "dev/nvidiactl", "");
    expect_plan(&automatic, full.folder);
    expect_plan(&two, devices_only.folder);
    expect_plan(&two, container.folder);
    expect_plan(&two, radeon.folder);
    expect_plan(&none, bare.folder);
    expect_plan(&trusted, bare.folder);
    scratch_fini(&full);
    scratch_fini(&devices_only);
    scratch_fini(&container);
    scratch_fini(&radeon);
    scratch_fini(&bare);
}

static void tasks_of_slurm_split_what_they_all_see(void **state)
{
    (void)state;
#define TASK(local, list)                                                                          \
    "SLURM_JOB_ID=9", "SLURM_STEP_TASKS_PER_NODE=2(x2)", "SLURM_NODEID=1", "SLURM_LOCALID=" local, \
        "SLURM_GPUS_ON_NODE=4", "CUDA_VISIBLE_DEVICES=" list
    struct scratch machine;
    scratch_init(&machine);
    nvidia(&machine, 4, 4);
    static const struct asked cases[] = {
        {{TASK("0", "0,1,2,3")}, "auto", 0, 0, "0 1"},
        {{TASK("1", "0,1,2,3")}, "auto", 0, 0, "2 3"},
        {{TASK("1", "0,1,2,3")}, NULL, 0, 0, "2,3"},
        {{TASK("1", "2,3")}, "auto", 0, 0, "2 3"}, /* fewer than the step has here: its own */
        {{TASK("1", "0,1,2,3"), "SLURM_GPUS_PER_TASK=4"}, "auto", 0, 0, "0 1 2 3"},
        {{TASK("1", "0,1,2,3"), "SLURM_TRES_PER_TASK=cpu:1,gres/gpu:4"}, "auto", 0, 0, "0 1 2 3"},
        {{TASK("1", "0,1,2,3"), "SLURM_GPU_BIND=single:1"}, "auto", 0, 0, "0 1 2 3"},
        {{"SLURM_JOB_ID=9"}, "auto", 2, 0, "-"}, /* no list: no GPU, whatever files there are */
        {{"SLURM_JOB_ID=9"}, "0", 0, 0, "!Slurm gave this job no GPU"},
        {{"SLURM_JOB_ID=9"}, NULL, 4, 0, "-"},
        {{"SLURM_JOB_ID=9", "SLURM_NTASKS=4", "CUDA_VISIBLE_DEVICES=0,1"},
         "auto",
         0,
         0,
         "0 1"}, /* the script */
        {{"SLURM_JOB_ID=9", "SLURM_STEP_TASKS_PER_NODE=3", "SLURM_LOCALID=2", "CUDA_VISIBLE_DEVICES=6,7"},
         "auto",
         0,
         0,
         "!3 tasks of this job on this node see 2 GPUs"},
        {{"SLURM_JOB_ID=9", "SLURM_STEP_TASKS_PER_NODE=3", "SLURM_LOCALID=2", "CUDA_VISIBLE_DEVICES=6,7"},
         "auto",
         0,
         2,
         "6"},
    };
    EXPECT(cases, machine.folder);
    scratch_fini(&machine);
}

/* What the trainer of a slot sees: only lines that have to do with GPUs and slots. */
static void expect_told(const struct asked *asked, const char *root, int slot, const char *want)
{
    struct gpu_plan plan;
    struct err err;
    struct str got = {0};
    ask(asked, root, &plan, &err);
    char **env = gpu_env(&plan, slot, env_of(asked));
    for (char **entry = env; *entry; entry++)
        str_addf(&got, "%s%s", got.len ? " " : "", *entry);
    assert_string_equal(str_text(&got), want);
    str_fini(&got);
    gpu_env_free(env);
    gpu_plan_fini(&plan);
}

static void a_trainer_is_told_by_the_variables_that_its_library_reads(void **state)
{
    (void)state;
    struct scratch machine, radeon;
    scratch_init(&machine);
    scratch_init(&radeon);
    nvidia(&machine, 2, 2);
    amd(&radeon, 2);
    static const struct asked plain = {{"A=b", "HONE_SLOT=7", "HONE_GPU=7"}, "auto", 0, 0, ""};
    static const struct asked ordered = {{"CUDA_DEVICE_ORDER=FASTEST_FIRST"}, "auto", 0, 0, ""};
    static const struct asked slurm = {
        {"CUDA_VISIBLE_DEVICES=4,5", "ROCR_VISIBLE_DEVICES=4,5"}, "auto", 0, 0, ""};
    static const struct asked hip = {
        {"CUDA_VISIBLE_DEVICES=4,5", "HIP_VISIBLE_DEVICES=4,5"}, "auto", 0, 0, ""};
    static const struct asked untouched = {{"A=b"}, NULL, 1, 0, ""};
    expect_told(&plain, machine.folder, 1,
                "A=b HONE_SLOT=1 HONE_GPU=1 CUDA_VISIBLE_DEVICES=1 CUDA_DEVICE_ORDER=PCI_BUS_ID");
    expect_told(&ordered, machine.folder, 0,
                "CUDA_DEVICE_ORDER=FASTEST_FIRST HONE_SLOT=0 HONE_GPU=0 CUDA_VISIBLE_DEVICES=0");
    expect_told(&plain, radeon.folder, 1, "A=b HONE_SLOT=1 HONE_GPU=1 ROCR_VISIBLE_DEVICES=1");
    expect_told(&slurm, "", 1, "ROCR_VISIBLE_DEVICES=4,5 HONE_SLOT=1 HONE_GPU=5 CUDA_VISIBLE_DEVICES=5");
    expect_told(&hip, "", 0, "HONE_SLOT=0 HONE_GPU=4 CUDA_VISIBLE_DEVICES=4 HIP_VISIBLE_DEVICES=4");
    expect_told(&untouched, machine.folder, 0,
                "A=b HONE_SLOT=0 HONE_GPU=0,1"); /* one slot has them all, as ever */
    expect_told(&plain, "/nowhere", 0, "A=b HONE_SLOT=0");
    scratch_fini(&machine);
    scratch_fini(&radeon);
}

/* `hone run` deals out what its workers then deal out among their slots: each slot ends with what it had in the whole. */
static void workers_of_one_run_share_the_gpus(void **state)
{
    (void)state;
    static const struct {
        int workers, slots, per_gpu;
    } cases[] = {{4, 1, 1}, {2, 2, 1}, {2, 1, 1}, {1, 4, 1}, {4, 2, 2}, {2, 3, 2}, {8, 1, 2}, {3, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asked whole = {{"CUDA_VISIBLE_DEVICES=3,4,5,6"},
                              "auto",
                              cases[i].workers * cases[i].slots,
                              cases[i].per_gpu,
                              ""};
        struct gpu_plan plan, part;
        struct err err;
        ask(&whole, "", &plan, &err);
        assert_int_equal(err.code, 0);
        for (int w = 0; w < cases[i].workers; w++) {
            char *list = gpu_plan_part(&plan, w * cases[i].slots, cases[i].slots);
            struct asked own = {{"CUDA_VISIBLE_DEVICES=3,4,5,6"}, list, cases[i].slots, cases[i].per_gpu, ""};
            ask(&own, "", &part, &err);
            assert_int_equal(err.code, 0);
            for (int s = 0; s < cases[i].slots; s++)
                assert_string_equal(part.gpus[s], plan.gpus[w * cases[i].slots + s]);
            gpu_plan_fini(&part);
            free(list);
        }
        gpu_plan_fini(&plan);
    }
}

static void a_task_of_slurm_has_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *env[8], *name; /* NULL: not of Slurm */
    } cases[] = {
        {{"PATH=/bin"}, NULL},
        {{"SLURM_JOB_ID="}, NULL},
        {{"SLURM_JOB_ID=4711", "SLURMD_NODENAME=n1"}, "n1-4711"},
        {{"SLURM_JOB_ID=4711"}, "slurm-4711"},
        {{"SLURM_JOB_ID=4713", "SLURMD_NODENAME=n1", "SLURM_ARRAY_JOB_ID=4710", "SLURM_ARRAY_TASK_ID=3"},
         "n1-4710_3"},
        {{"SLURM_JOB_ID=4711", "SLURMD_NODENAME=n2", "SLURM_STEP_TASKS_PER_NODE=2(x2)",
          "SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=2", "SLURM_NODEID=1", "SLURM_LOCALID=0"},
         "n2-4711.2"},
        {{"SLURM_JOB_ID=4711", "SLURMD_NODENAME=n2", "SLURM_STEP_TASKS_PER_NODE=1", "SLURM_STEP_NUM_TASKS=1",
          "SLURM_PROCID=0"},
         "n2-4711"},
        {{"SLURM_JOB_ID=4711", "SLURMD_NODENAME=n2", "SLURM_NTASKS=4", "SLURM_PROCID=0"}, "n2-4711"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slurm slurm;
        char name[65] = "";
        slurm_read((char *const *)(uintptr_t)cases[i].env, &slurm);
        assert_int_equal(slurm_name(&slurm, name, sizeof name), cases[i].name != NULL);
        if (cases[i].name)
            assert_string_equal(name, cases[i].name);
    }
}

static void uneven_nodes_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *node;
        int here;
    } cases[] = {{"SLURM_NODEID=0", 2}, {"SLURM_NODEID=2", 2}, {"SLURM_NODEID=3", 1}, {"SLURM_NODEID=9", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *env[] = {"SLURM_JOB_ID=1", "SLURM_STEP_TASKS_PER_NODE=2(x3),1", cases[i].node, NULL};
        struct slurm slurm;
        slurm_read((char *const *)(uintptr_t)env, &slurm);
        assert_int_equal(slurm.tasks_here, cases[i].here);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_in_the_environment_is_dealt_out),
        cmocka_unit_test(ids_are_looked_at),
        cmocka_unit_test(without_a_list_the_drivers_files_are_counted),
        cmocka_unit_test(tasks_of_slurm_split_what_they_all_see),
        cmocka_unit_test(a_trainer_is_told_by_the_variables_that_its_library_reads),
        cmocka_unit_test(workers_of_one_run_share_the_gpus),
        cmocka_unit_test(a_task_of_slurm_has_a_name),
        cmocka_unit_test(uneven_nodes_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
