#include "formats/write/temporary-file.h"

#include "engine/error.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#ifdef _WIN32
#include <io.h>
#include <process.h>
#else
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace ggclip {

namespace {

namespace fs = std::filesystem;

std::atomic<uint32_t> n_files{0};

#ifdef _WIN32

// "x": never write through a file or link that is already there
FILE * create(const std::string & path, int * /*lock*/) { return _wfopen(fs::u8path(path).wstring().c_str(), L"wbx"); }
bool sync(FILE * file) { return fflush(file) == 0 && _commit(_fileno(file)) == 0; }
int process_id() { return _getpid(); }
void release(int /*lock*/) {}
void remove_abandoned(const fs::path & /*target*/) {}
void sync_folder(const fs::path & /*target*/) {}

#else

FILE * create(const std::string & path, int * lock) {
    // O_EXCL: never write through a file or link that is already there
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return nullptr;
    // before it had its lock, another writer may have taken it for abandoned
    struct stat info;
    const bool lost =
        (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) || fstat(fd, &info) != 0 || info.st_nlink == 0;
    *lock = lost ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE * const file = *lock < 0 ? nullptr : fdopen(fd, "wb");
    if (file != nullptr) return file;
    const int reason = lost ? EEXIST : errno;
    if (!lost) unlink(path.c_str());
    if (*lock >= 0) close(*lock);
    close(fd);
    *lock = -1;
    errno = reason;
    return nullptr;
}

bool sync(FILE * file) { return fflush(file) == 0 && fsync(fileno(file)) == 0; }
int process_id() { return (int) getpid(); }

void release(int lock) {
    if (lock >= 0) close(lock);
}

// "<name>.<digits>-<digits>.tmp"
bool is_temporary_of(const std::string & name, const std::string & target) {
    if (name.compare(0, target.size() + 1, target + ".") != 0) return false;
    const char * const digits = "0123456789";
    const size_t first = target.size() + 1, dash = name.find_first_not_of(digits, first);
    if (dash == std::string::npos || dash == first || name[dash] != '-') return false;
    const size_t end = name.find_first_not_of(digits, dash + 1);
    return end != std::string::npos && end != dash + 1 && name.compare(end, std::string::npos, ".tmp") == 0;
}

void remove_if_abandoned(const char * path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    struct stat opened, named;
    // while this holds the lock, the file that has the name can be no other writer's
    const bool abandoned = fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
                           lstat(path, &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
    if (abandoned) unlink(path);
    close(fd);
}

fs::path folder_of(const fs::path & target) { return target.has_parent_path() ? target.parent_path() : fs::path("."); }

void remove_abandoned(const fs::path & target) {
    // not directory_iterator: out of memory in a noexcept function of libstdc++ would end the process
    const std::unique_ptr<DIR, int (*)(DIR *)> folder(opendir(folder_of(target).c_str()), closedir);
    if (!folder) return;
    while (const dirent * entry = readdir(folder.get()))
        if (is_temporary_of(entry->d_name, target.filename().string()))
            remove_if_abandoned((folder_of(target) / entry->d_name).c_str());
}

// Flushes the new name to the disk, too. Not every file system can; the file is complete either way.
void sync_folder(const fs::path & target) {
    const int fd = open(folder_of(target).c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0) return;
    (void) fsync(fd);
    close(fd);
}

#endif

}  // namespace

temporary_file::temporary_file(const std::string & target) : target_(target) {
    remove_abandoned(fs::u8path(target));
    // a file of a process with the same id, of another container or killed, may have the name
    for (int tries = 0; stream_ == nullptr && tries < 1000; tries++) {
        path_ = target + "." + std::to_string(process_id()) + "-" + std::to_string(n_files++) + ".tmp";
        errno = 0;
        stream_ = create(path_, &lock_);
        if (stream_ == nullptr && errno != EEXIST) break;
    }
    if (stream_ == nullptr) fail("creating a temporary file beside it");
}

temporary_file::~temporary_file() {
    if (stream_ != nullptr) fclose(stream_);
    if (!path_.empty()) {
        std::error_code ignored;
        fs::remove(fs::u8path(path_), ignored);
    }
    release(lock_);
}

void temporary_file::fail(const char * what) const {
    throw_error(error_code::FILE_WRITE,
                target_ + ": " + what + " failed: " + (errno ? strerror(errno) : "unknown reason"));
}

void temporary_file::close() {
    errno = 0;
    if (!sync(stream_)) fail("flushing");
    FILE * const stream = stream_;
    stream_ = nullptr;
    if (fclose(stream) != 0) fail("closing");
}

void temporary_file::commit() {
    std::error_code code;
    fs::rename(fs::u8path(path_), fs::u8path(target_), code);
    if (code) throw_error(error_code::FILE_WRITE, target_ + ": renaming the temporary file failed: " + code.message());
    path_.clear();
    sync_folder(fs::u8path(target_));
}

}  // namespace ggclip
