/*
 * Stands between a program and the files of a folder (LD_PRELOAD). It fails the n-th call of a kind, or writes down every call that
 * changes something, so that what a power cut leaves can be replayed. Settings are environment variables:
 *
 *   SHIM_FOLDER   the folder, an absolute path; nothing is done elsewhere
 *   SHIM_LOG      a file that each change is appended to: call, path, second path, offset, length, separated by tabs; then the bytes
 *   SHIM_CALL     the kinds of call that fail, separated by commas: open,read,write,fsync,...; the one that fails is logged
 *   SHIM_AT       which one of them, counted over all processes by SHIM_COUNT; 0 for none
 *   SHIM_COUNT    a file of 8 bytes that holds the number of calls so far
 *   SHIM_ERRNO    with which errno; 0 kills the process instead
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *folder, *call;
static long at, error;
static int log_file = -1;
static volatile long *count;

/* glibc's own syscall(2) is replaced below, so the kernel is called by hand. */
static long kernel(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number, result __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(result) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
#else
#error "no system calls for this machine"
#endif
  if (result < 0 && result > -4096) {
    errno = -result;
    return -1;
  }
  return result;
}
#define KERNEL(name, a, b, c, d, e, f) \
  kernel(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

__attribute__((constructor)) static void begin(void) {
  folder = getenv("SHIM_FOLDER");
  call = getenv("SHIM_CALL");
  if (getenv("SHIM_AT")) at = atol(getenv("SHIM_AT"));
  if (getenv("SHIM_ERRNO")) error = atol(getenv("SHIM_ERRNO"));
  if (getenv("SHIM_LOG")) log_file = KERNEL(openat, AT_FDCWD, getenv("SHIM_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600, 0, 0);
  if (getenv("SHIM_COUNT")) {
    int file = KERNEL(openat, AT_FDCWD, getenv("SHIM_COUNT"), O_RDWR, 0, 0, 0);
    if (file >= 0) count = (volatile long *)KERNEL(mmap, 0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
}

static int is_inside(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  return folder && path && !strncmp(path, folder, length) && (path[length] == '/' || path[length] == 0);
}

static void record(const char *what, const char *path, const char *other, long offset, const void *bytes, long length) {
  if (log_file < 0 || !is_inside(path)) return;
  char *line = malloc(9000 + length);
  long size = snprintf(line, 9000, "%s\t%s\t%s\t%ld\t%ld\n", what, path, other, offset, length);
  if (length > 0) memcpy(line + size, bytes, length);
  KERNEL(write, log_file, line, size + length, 0, 0, 0);
  free(line);
}

static int is_counted(const char *kind) {
  size_t length = strlen(kind);
  for (const char *found = strstr(call, kind); found; found = strstr(found + 1, kind))
    if ((found == call || found[-1] == ',') && (found[length] == ',' || found[length] == 0)) return 1;
  return 0;
}

/* Whether this call is the one that fails. */
static int fails(const char *kind, const char *path) {
  if (!call || !count || !is_inside(path) || !is_counted(kind)) return 0;
  if (__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) != at) return 0;
  record("fail", path, kind, 0, 0, 0);
  if (error == 0) KERNEL(kill, getpid(), SIGKILL, 0, 0, 0, 0);
  errno = error;
  return 1;
}

/* The path of an open file, or what a path is from a folder that is open. */
static const char *path_of(int file, char *path) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  long length = KERNEL(readlinkat, AT_FDCWD, link, path, 4000, 0, 0);
  path[length > 0 ? length : 0] = 0;
  char *deleted = strstr(path, " (deleted)");
  if (deleted) *deleted = 0;
  return path;
}
static const char *path_at(int from, const char *name, char *path) {
  if (name[0] == '/') return name;
  if (from != AT_FDCWD) path_of(from, path);
  else if (KERNEL(getcwd, path, 4000, 0, 0, 0, 0) < 0) path[0] = 0;
  strcat(path, "/");
  return strncat(path, name, 4000);
}
#define PATH_OF(file) char buffer[8200]; const char *path = folder ? path_of(file, buffer) : ""

static int open_file(int from, const char *name, int flags, mode_t mode) {
  char buffer[8200];
  const char *path = folder ? path_at(from, name, buffer) : name;
  if (fails("open", path)) return -1;
  struct stat stats;
  int is_new = (flags & O_CREAT) && KERNEL(newfstatat, from, name, &stats, 0, 0, 0) < 0;
  int file = KERNEL(openat, from, name, flags, mode, 0, 0);
  if (file >= 0 && is_new) record("create", path, "", 0, 0, 0);
  else if (file >= 0 && (flags & O_TRUNC)) record("truncate", path, "", 0, 0, 0);
  return file;
}
#define OPEN(name, from, flag) \
  int name { \
    va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
    return open_file(from, file, flags | flag, mode); }
OPEN(open(const char *file, int flags, ...), AT_FDCWD, 0)
OPEN(open64(const char *file, int flags, ...), AT_FDCWD, O_LARGEFILE)
OPEN(openat(int from, const char *file, int flags, ...), from, 0)
OPEN(openat64(int from, const char *file, int flags, ...), from, O_LARGEFILE)

/* Calls on an open file: PLAIN only fail, CHANGE are written down too. */
#define PLAIN(type, name, parameters, file, kind, result) \
  type name parameters { PATH_OF(file); if (fails(kind, path)) return (type)-1; return (type)result; }
#define CHANGE(type, name, parameters, file, kind, result, note) \
  type name parameters { PATH_OF(file); if (fails(kind, path)) return (type)-1; type done = (type)result; if (done >= 0) note; return done; }

PLAIN(ssize_t, read, (int file, void *bytes, size_t size), file, "read", KERNEL(read, file, bytes, size, 0, 0, 0))
PLAIN(ssize_t, pread64, (int file, void *bytes, size_t size, off64_t offset), file, "read", KERNEL(pread64, file, bytes, size, offset, 0, 0))
ssize_t pread(int file, void *bytes, size_t size, off_t offset) { return pread64(file, bytes, size, offset); }
CHANGE(ssize_t, write, (int file, const void *bytes, size_t size), file, "write", KERNEL(write, file, bytes, size, 0, 0, 0),
       record("write", path, "", is_inside(path) ? KERNEL(lseek, file, 0, SEEK_CUR, 0, 0, 0) - done : 0, bytes, done))
CHANGE(ssize_t, pwrite64, (int file, const void *bytes, size_t size, off64_t offset), file, "write",
       KERNEL(pwrite64, file, bytes, size, offset, 0, 0), record("write", path, "", offset, bytes, done))
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) { return pwrite64(file, bytes, size, offset); }
CHANGE(int, fsync, (int file), file, "fsync", KERNEL(fsync, file, 0, 0, 0, 0, 0), record("fsync", path, "", 0, 0, 0))
CHANGE(int, fdatasync, (int file), file, "fsync", KERNEL(fdatasync, file, 0, 0, 0, 0, 0), record("fsync", path, "", 0, 0, 0))
CHANGE(int, ftruncate64, (int file, off64_t size), file, "truncate", KERNEL(ftruncate, file, size, 0, 0, 0, 0),
       record("truncate", path, "", size, 0, 0))
int ftruncate(int file, off_t size) { return ftruncate64(file, size); }
PLAIN(int, fchmod, (int file, mode_t mode), file, "chmod", KERNEL(fchmod, file, mode, 0, 0, 0, 0))
PLAIN(int, fchown, (int file, uid_t user, gid_t group), file, "chown", KERNEL(fchown, file, user, group, 0, 0, 0))
PLAIN(int, fallocate64, (int file, int mode, off64_t offset, off64_t size), file, "write", KERNEL(fallocate, file, mode, offset, size, 0, 0))
PLAIN(int, fstat64, (int file, struct stat64 *stats), file, "stat", KERNEL(fstat, file, stats, 0, 0, 0, 0))
int fstat(int file, struct stat *stats) { return fstat64(file, (struct stat64 *)stats); }

void *mmap64(void *place, size_t size, int access, int flags, int file, off64_t offset) {
  PATH_OF(file);
  if (file >= 0 && fails("mmap", path)) return MAP_FAILED;
  return (void *)KERNEL(mmap, place, size, access, flags, file, offset);
}
void *mmap(void *place, size_t size, int access, int flags, int file, off_t offset) { return mmap64(place, size, access, flags, file, offset); }

static int control(int file, int command, void *argument) {
  if (command == F_SETLK || command == F_SETLKW || command == F_GETLK) {
    PATH_OF(file);
    if (fails("lock", path)) return -1;
  }
  return KERNEL(fcntl, file, command, argument, 0, 0, 0);
}
#define CONTROL(name) int name(int file, int command, ...) { \
  va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list); return control(file, command, argument); }
CONTROL(fcntl)
CONTROL(fcntl64)

/* The bytes that the kernel copied from file to file are read again, for the log. */
static ssize_t copy(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags) {
  PATH_OF(to);
  if (fails("copy", path)) return -1;
  off64_t start = to_offset ? *to_offset : KERNEL(lseek, to, 0, SEEK_CUR, 0, 0, 0);
  ssize_t done = KERNEL(copy_file_range, from, from_offset, to, to_offset, size, flags);
  if (done > 0 && log_file >= 0 && is_inside(path)) {
    char *bytes = malloc(done);
    int file = KERNEL(openat, AT_FDCWD, path, O_RDONLY, 0, 0, 0);
    KERNEL(pread64, file, bytes, done, start, 0, 0);
    KERNEL(close, file, 0, 0, 0, 0, 0);
    record("write", path, "", start, bytes, done);
    free(bytes);
  }
  return done;
}
ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags) {
  return copy(from, from_offset, to, to_offset, size, flags);
}
/* Only a copy by copy_file_range is written down. */
ssize_t sendfile64(int to, int from, off64_t *offset, size_t size) { (void)to, (void)from, (void)offset, (void)size; errno = EINVAL; return -1; }
ssize_t sendfile(int to, int from, off_t *offset, size_t size) { return sendfile64(to, from, offset, size); }

/* libuv calls some of them so. */
long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long), e = va_arg(list, long),
       f = va_arg(list, long);
  va_end(list);
  if (number == SYS_copy_file_range) return copy(a, (off64_t *)b, c, (off64_t *)d, e, f);
  if (number == SYS_statx && b && *(const char *)b && fails("stat", (const char *)b)) return -1;
  return kernel(number, a, b, c, d, e, f);
}

/* Calls on a path. */
#define ON_PATH(type, name, parameters, path, kind, result, note) \
  type name parameters { if (fails(kind, path)) return (type)-1; type done = (type)result; if (done >= 0) note; return done; }
#define NOTHING (void)0

ON_PATH(int, rename, (const char *from, const char *to), to, "rename", KERNEL(renameat, AT_FDCWD, from, AT_FDCWD, to, 0, 0), record("rename", from, to, 0, 0, 0))
ON_PATH(int, link, (const char *from, const char *to), to, "link", KERNEL(linkat, AT_FDCWD, from, AT_FDCWD, to, 0, 0), record("link", from, to, 0, 0, 0))
ON_PATH(int, unlink, (const char *path), path, "unlink", KERNEL(unlinkat, AT_FDCWD, path, 0, 0, 0, 0), record("unlink", path, "", 0, 0, 0))
ON_PATH(int, rmdir, (const char *path), path, "rmdir", KERNEL(unlinkat, AT_FDCWD, path, AT_REMOVEDIR, 0, 0, 0), record("rmdir", path, "", 0, 0, 0))
ON_PATH(int, mkdir, (const char *path, mode_t mode), path, "mkdir", KERNEL(mkdirat, AT_FDCWD, path, mode, 0, 0, 0), record("mkdir", path, "", 0, 0, 0))
ON_PATH(int, chmod, (const char *path, mode_t mode), path, "chmod", KERNEL(fchmodat, AT_FDCWD, path, mode, 0, 0, 0), NOTHING)
ON_PATH(int, chown, (const char *path, uid_t user, gid_t group), path, "chown", KERNEL(fchownat, AT_FDCWD, path, user, group, 0, 0), NOTHING)
ON_PATH(int, access, (const char *path, int mode), path, "access", KERNEL(faccessat, AT_FDCWD, path, mode, 0, 0, 0), NOTHING)
ON_PATH(int, stat64, (const char *path, struct stat64 *stats), path, "stat", KERNEL(newfstatat, AT_FDCWD, path, stats, 0, 0, 0), NOTHING)
ON_PATH(int, lstat64, (const char *path, struct stat64 *stats), path, "stat", KERNEL(newfstatat, AT_FDCWD, path, stats, AT_SYMLINK_NOFOLLOW, 0, 0), NOTHING)
int stat(const char *path, struct stat *stats) { return stat64(path, (struct stat64 *)stats); }
int lstat(const char *path, struct stat *stats) { return lstat64(path, (struct stat64 *)stats); }
ON_PATH(int, statx, (int from, const char *path, int flags, unsigned mask, struct statx *stats), path, "stat", KERNEL(statx, from, path, flags, mask, stats, 0), NOTHING)
ON_PATH(int, statfs64, (const char *path, struct statfs64 *stats), path, "statfs", KERNEL(statfs, path, stats, 0, 0, 0, 0), NOTHING)
int statfs(const char *path, struct statfs *stats) { return statfs64(path, (struct statfs64 *)stats); }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
char *mkdtemp(char *path) {
  if (fails("mkdir", path)) return NULL;
  char *made = REAL(mkdtemp)(path);
  if (made) record("mkdir", made, "", 0, 0, 0);
  return made;
}
DIR *opendir(const char *path) { return fails("list", path) ? NULL : REAL(opendir)(path); }
int scandir64(const char *path, struct dirent64 ***entries, int (*filter)(const struct dirent64 *), int (*order)(const struct dirent64 **, const struct dirent64 **)) {
  return fails("list", path) ? -1 : REAL(scandir64)(path, entries, filter, order);
}
int scandir(const char *path, struct dirent ***entries, int (*filter)(const struct dirent *), int (*order)(const struct dirent **, const struct dirent **)) {
  return fails("list", path) ? -1 : REAL(scandir)(path, entries, filter, order);
}
