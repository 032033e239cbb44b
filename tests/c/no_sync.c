/* Preloaded into a server under test: swallows every call that makes data durable. The test that looks for these calls
   must then fail, or it proves nothing. */
#include <unistd.h>

int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
