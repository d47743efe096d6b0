"""Gemma 4's text model at toy size, in PyTorch: what tether's native/model/gemma4.cpp computes, for training."""

import math

import torch
import torch.nn.functional as F
from torch import nn

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, MLP, WINDOW = 128, 5, 4, 2, 32, 384, 256
THETA, EPS, SOFTCAP = 10000.0, 1e-6, 30.0


def rms(x, weight=None):
    x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS)
    return x if weight is None else x * weight


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()

        def matrix(out, inner):
            return nn.Parameter(torch.randn(out, inner) / math.sqrt(inner))

        def norm(size, value=1.0):
            return nn.Parameter(torch.full((size,), value))

        self.q_proj, self.k_proj = matrix(HEADS * HEAD_DIM, HIDDEN), matrix(KV_HEADS * HEAD_DIM, HIDDEN)
        self.v_proj, self.o_proj = matrix(KV_HEADS * HEAD_DIM, HIDDEN), matrix(HIDDEN, HEADS * HEAD_DIM)
        self.gate_proj, self.up_proj, self.down_proj = matrix(MLP, HIDDEN), matrix(MLP, HIDDEN), matrix(HIDDEN, MLP)
        self.q_norm, self.k_norm = norm(HEAD_DIM, 1.4 / math.sqrt(HEAD_DIM)), norm(HEAD_DIM)
        self.input_layernorm, self.pre_feedforward_layernorm = norm(HIDDEN), norm(HIDDEN)
        self.post_attention_layernorm, self.post_feedforward_layernorm = norm(HIDDEN, 0.5), norm(HIDDEN, 0.5)

    def forward(self, x, cos, sin, mask):
        b, t, _ = x.shape
        h = rms(x, self.input_layernorm)

        def heads(weight, count):
            return F.linear(h, weight).view(b, t, count, HEAD_DIM).transpose(1, 2)

        q = rotate(rms(heads(self.q_proj, HEADS), self.q_norm), cos, sin)
        k = rotate(rms(heads(self.k_proj, KV_HEADS), self.k_norm), cos, sin)
        v = rms(heads(self.v_proj, KV_HEADS))
        k, v = (z.repeat_interleave(HEADS // KV_HEADS, 1) for z in (k, v))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0)
        out = out.transpose(1, 2).reshape(b, t, HEADS * HEAD_DIM)
        x = x + rms(F.linear(out, self.o_proj), self.post_attention_layernorm)
        h = rms(x, self.pre_feedforward_layernorm)
        h = F.linear(F.gelu(F.linear(h, self.gate_proj), approximate="tanh") * F.linear(h, self.up_proj), self.down_proj)
        return x + rms(h, self.post_feedforward_layernorm)


class Demo(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.embed = nn.Parameter(torch.randn(vocab, HIDDEN) / math.sqrt(HIDDEN))
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.Parameter(torch.ones(HIDDEN))

    def forward(self, ids):
        """ids: (B, T) -> hidden states (B, T, hidden)"""
        t = ids.shape[1]
        at = torch.arange(t)
        angles = at[:, None] / THETA ** (torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
        mask = (at[:, None] >= at) & (at[:, None] < at + WINDOW)
        x = self.embed[ids] * math.sqrt(HIDDEN)
        for block in self.blocks:
            x = block(x, angles.cos(), angles.sin(), mask)
        return rms(x, self.norm)

    def logits(self, hidden):
        return SOFTCAP * torch.tanh(F.linear(hidden, self.embed) / SOFTCAP)
