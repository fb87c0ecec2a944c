#include "formats/containers/disk-file.h"

#include "engine/error.h"

#include <cerrno>
#include <cstring>
#include <utility>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <filesystem>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <ctime>
#include <unistd.h>
#endif

namespace ggclip {

void disk_file::not_readable(const std::string & why) const {
    throw_error(error_code::FILE_NOT_FOUND, name_ + " cannot be read: " + why);
}

#ifdef _WIN32

static std::string last_error() { return "system error " + std::to_string(GetLastError()); }

disk_file::disk_file(const std::string & path, writers others, std::string name) : name_(std::move(name)) {
    const std::wstring wide = std::filesystem::u8path(path).wstring();
    const DWORD sharing = FILE_SHARE_READ | FILE_SHARE_DELETE | (others == writers::shared ? FILE_SHARE_WRITE : 0);
    HANDLE handle =
        CreateFileW(wide.c_str(), GENERIC_READ, sharing, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (handle == INVALID_HANDLE_VALUE) not_readable(last_error());
    handle_ = handle;
}

disk_file::~disk_file() {
    if (handle_ != nullptr) CloseHandle(handle_);
}

file_state disk_file::look() const {
    if (GetFileType(handle_) != FILE_TYPE_DISK) not_readable("not a regular file");
    BY_HANDLE_FILE_INFORMATION info;
    if (!GetFileInformationByHandle(handle_, &info)) not_readable(last_error());
    const uint64_t time = ((uint64_t) info.ftLastWriteTime.dwHighDateTime << 32) | info.ftLastWriteTime.dwLowDateTime;
    return {((uint64_t) info.nFileSizeHigh << 32) | info.nFileSizeLow, (int64_t) time, 0};
}

size_t disk_file::read_some(uint64_t offset, size_t n, void * dst) const {
    OVERLAPPED place = {};
    place.Offset = (DWORD) offset;
    place.OffsetHigh = (DWORD) (offset >> 32);
    DWORD got = 0;
    if (!ReadFile(handle_, dst, (DWORD) n, &got, &place) && GetLastError() != ERROR_HANDLE_EOF)
        not_readable(last_error());
    return got;
}

#else

disk_file::disk_file(const std::string & path, writers, std::string name) : name_(std::move(name)) {
    // O_NONBLOCK: opening a FIFO by mistake must not wait for a writer; no effect on regular files
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) not_readable(strerror(errno));
}

disk_file::~disk_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

file_state disk_file::look() const {
    struct stat info;
    if (fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) not_readable("not a regular file");
#ifdef __APPLE__
    const timespec time = info.st_mtimespec;
#else
    const timespec time = info.st_mtim;
#endif
    return {(uint64_t) info.st_size, time.tv_sec, time.tv_nsec};
}

size_t disk_file::read_some(uint64_t offset, size_t n, void * dst) const {
    while (true) {
        const ssize_t got = ::pread(descriptor_, dst, n, (off_t) offset);
        if (got >= 0) return (size_t) got;
        if (errno != EINTR) not_readable(strerror(errno));
    }
}

#endif

}  // namespace ggclip
