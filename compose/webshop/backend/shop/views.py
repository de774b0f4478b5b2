"""Requests that take long, for whoever wants to see them survive a deploy."""

import time

from django.http import HttpResponseBadRequest, JsonResponse, StreamingHttpResponse

LONGEST = 600


def slow(request):
    try:
        seconds = min(float(request.GET.get("seconds", 5)), LONGEST)
    except ValueError:
        return HttpResponseBadRequest("seconds must be a number\n")
    time.sleep(max(seconds, 0))
    return JsonResponse({"slept": seconds})


def stream(request):
    try:
        seconds = min(float(request.GET.get("seconds", 5)), LONGEST)
        chunks = max(int(request.GET.get("chunks", 10)), 1)
    except ValueError:
        return HttpResponseBadRequest("seconds and chunks must be numbers\n")

    def parts():
        for number in range(1, chunks + 1):
            time.sleep(max(seconds, 0) / chunks)
            yield f"chunk {number} of {chunks}\n"

    return StreamingHttpResponse(parts(), content_type="text/plain")
