/*
 * blocklog: one file, "disk", as a FUSE file system over a backing image. Every write and every flush is appended to a log, in order:
 * 'W' offset length bytes, or 'F'. Between two flushes of the log lies what a power cut may lose, keep or tear.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int image, journal;
static off_t size;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static void put(const void *bytes, size_t length) {
  for (const char *at = bytes; length > 0;) {
    ssize_t done = write(journal, at, length);
    if (done <= 0) abort();
    at += done;
    length -= done;
  }
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *fi) {
  (void)fi;
  memset(st, 0, sizeof *st);
  if (strcmp(path, "/") == 0) { st->st_mode = S_IFDIR | 0755; st->st_nlink = 2; return 0; }
  if (strcmp(path, "/disk") != 0) return -ENOENT;
  st->st_mode = S_IFREG | 0600; st->st_nlink = 1; st->st_size = size;
  return 0;
}

static int on_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off, struct fuse_file_info *fi, enum fuse_readdir_flags flags) {
  (void)path; (void)off; (void)fi; (void)flags;
  fill(buf, "disk", NULL, 0, 0);
  return 0;
}

static int on_open(const char *path, struct fuse_file_info *fi) { fi->direct_io = 0; return strcmp(path, "/disk") ? -ENOENT : 0; }

static int on_read(const char *path, char *buf, size_t length, off_t offset, struct fuse_file_info *fi) {
  (void)path; (void)fi;
  ssize_t done = pread(image, buf, length, offset);
  return done < 0 ? -errno : (int)done;
}

static int on_write(const char *path, const char *buf, size_t length, off_t offset, struct fuse_file_info *fi) {
  (void)path; (void)fi;
  pthread_mutex_lock(&order);
  uint64_t head[2] = {offset, length};
  put("W", 1); put(head, sizeof head); put(buf, length);
  ssize_t done = pwrite(image, buf, length, offset);
  pthread_mutex_unlock(&order);
  return done < 0 ? -errno : (int)done;
}

static int on_fsync(const char *path, int data, struct fuse_file_info *fi) {
  (void)path; (void)data; (void)fi;
  pthread_mutex_lock(&order);
  put("F", 1);
  pthread_mutex_unlock(&order);
  return 0;
}

static const struct fuse_operations operations = {.getattr = on_getattr, .readdir = on_readdir, .open = on_open, .read = on_read, .write = on_write, .fsync = on_fsync};

/* blocklog IMAGE LOG MOUNTPOINT */
int main(int argc, char **argv) {
  if (argc != 4) return 2;
  image = open(argv[1], O_RDWR);
  journal = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (image < 0 || journal < 0) return 1;
  size = lseek(image, 0, SEEK_END);
  char *args[] = {argv[0], "-f", argv[3]};
  return fuse_main(3, args, &operations, NULL);
}
