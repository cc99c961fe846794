/* Makes the library race with itself. ThreadSanitizer must report it; otherwise it does not see
 * into the library, and a clean run of the other programs means nothing. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Of the feature planted-faults only, and therefore not in apilink.h. */
int32_t apilink_test_race(void);

static void *call(void *unused)
{
    (void)unused;
    apilink_test_race();
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int i;

    for (i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, call, NULL) != 0)
            return 2;
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
