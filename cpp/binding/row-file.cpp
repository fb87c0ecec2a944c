#include "binding/row-file.h"

#include "engine/error.h"

#include <cerrno>
#include <cstring>

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
#include <unistd.h>
#endif

namespace ggclip::binding {

#ifdef _WIN32

std::shared_ptr<const row_file> row_file::open(const std::string & path) {
    std::shared_ptr<row_file> file(new row_file(path));
    const std::wstring wide = std::filesystem::u8path(path).wstring();
    HANDLE handle = CreateFileW(wide.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (handle == INVALID_HANDLE_VALUE) file->not_readable();
    file->handle_ = handle;
    return file;
}

row_file::~row_file() {
    if (handle_ != nullptr) CloseHandle(handle_);
}

size_t row_file::read_some(uint64_t offset, size_t n, void * dst) const {
    OVERLAPPED place = {};
    place.Offset = (DWORD) offset;
    place.OffsetHigh = (DWORD) (offset >> 32);
    DWORD got = 0;
    if (!ReadFile(handle_, dst, (DWORD) n, &got, &place) && GetLastError() != ERROR_HANDLE_EOF) not_readable();
    return got;
}

void row_file::not_readable() const {
    throw_error(error_code::FILE_NOT_FOUND, "the vectors of the index, '" + path_ + "', cannot be read: system error " +
                                                std::to_string(GetLastError()));
}

#else

std::shared_ptr<const row_file> row_file::open(const std::string & path) {
    std::shared_ptr<row_file> file(new row_file(path));
    file->descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file->descriptor_ < 0) file->not_readable();
    return file;
}

row_file::~row_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

size_t row_file::read_some(uint64_t offset, size_t n, void * dst) const {
    while (true) {
        const ssize_t got = ::pread(descriptor_, dst, n, (off_t) offset);
        if (got >= 0) return (size_t) got;
        if (errno != EINTR) not_readable();
    }
}

void row_file::not_readable() const {
    throw_error(error_code::FILE_NOT_FOUND,
                "the vectors of the index, '" + path_ + "', cannot be read: " + strerror(errno));
}

#endif

void row_file::read(uint64_t offset, size_t n, void * dst) const {
    auto * to = static_cast<uint8_t *>(dst);
    while (n > 0) {
        const size_t got = read_some(offset, n, to);
        if (got == 0) {
            throw_error(error_code::FILE_TRUNCATED, "the vectors of the index, '" + path_ + "', end at byte " +
                                                        std::to_string(offset) + ": \"ggclip index\" mends them");
        }
        offset += got;
        to += got;
        n -= got;
    }
}

}  // namespace ggclip::binding
